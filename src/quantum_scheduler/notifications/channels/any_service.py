"""Whatever else there is, through apprise: about a hundred services, each by a URL."""

from quantum_scheduler.notifications.model import Delivery, Receipt, SendFailed


class AnyService:
    """The address is an apprise URL, such as `tgram://...`; it may hold a key and is never logged."""

    async def send(self, delivery: Delivery) -> Receipt:
        """Send one message. Raises SendFailed."""
        import apprise  # noqa: PLC0415  it brings a hundred services, which few processes need

        service = apprise.Apprise()
        if not service.add(delivery.target.address):
            raise SendFailed("apprise does not know such an address", is_final=True)
        message = delivery.message
        body = "\n\n".join(each for each in (message.text, message.url) if each) or message.title
        if not await service.async_notify(title=message.title, body=body):
            raise SendFailed("the service did not take it")
        return {}
