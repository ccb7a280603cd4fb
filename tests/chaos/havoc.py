"""Break a running service, at random but by a seed, and keep count."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.chaos.service import Service, freeze_worker, kill_worker, restart_postgres

# From a stumble that nobody notices to one that outlasts the lease of 15 s, so that a zombie comes back.
FREEZE_S = (2.0, 22.0)
FREEZES_AT_ONCE_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done how often, and how long it stays quiet in between."""

    kills: int
    freezes: int
    crashes: int
    service_kills: int
    pause_s: tuple[float, float]

    def deeds(self) -> list[str]:
        """Everything that is to be done, in no order."""
        return (
            ["kill"] * self.kills
            + ["freeze"] * self.freezes
            + ["crash"] * self.crashes
            + ["service kill"] * self.service_kills
        )


def wreak_havoc(service: Service, plan: Plan, chance: random.Random, stop: threading.Event) -> Counter[str]:
    """Do all of a plan in an order of chance, unless it is to stop, and say what was done."""
    deeds = plan.deeds()
    chance.shuffle(deeds)
    done: Counter[str] = Counter()
    with ThreadPoolExecutor(FREEZES_AT_ONCE_MAX) as freezers:
        for deed in deeds:
            if stop.wait(chance.uniform(*plan.pause_s)):
                break
            match deed:
                case "crash":
                    restart_postgres(service.data_dir)
                case "service kill":
                    service.kill_and_start()
                case "kill":
                    while not kill_worker(wait_for_worker(service, chance)):
                        pass  # it died by itself just now
                case "freeze":
                    for_s = chance.uniform(*FREEZE_S)
                    freezers.submit(freeze_worker, wait_for_worker(service, chance), stop, for_s=for_s)
            done[deed] += 1
    return done


def wait_for_worker(service: Service, chance: random.Random) -> int:
    """One of the workers there are, once there is one."""
    workers: Sequence[int] = ()
    while not workers:
        workers = service.workers()
        time.sleep(0.05)
    return chance.choice(workers)
