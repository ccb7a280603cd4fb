"""Read a file into runbooks: our own format, and playbooks that were written for people alone."""

import hashlib
import re
from collections.abc import Iterator, Sequence

from quantum_scheduler.runbooks.drill import DrillInvalid, read_drill
from quantum_scheduler.runbooks.front_matter import FrontMatter, split_front_matter
from quantum_scheduler.runbooks.machine import Machine, is_machine, read_machine, read_when
from quantum_scheduler.runbooks.model import (
    Branch,
    Coverage,
    Document,
    Drill,
    Finding,
    Phase,
    RampRow,
    Runbook,
    RunbookInvalid,
    Signal,
    Step,
)
from quantum_scheduler.runbooks.outline import (
    Block,
    Fence,
    Item,
    Listing,
    Section,
    Table,
    Text,
    check_size,
    read_outline,
)
from quantum_scheduler.runbooks.tables import is_detection, is_ramp, read_ramp, read_signals

STEPS_MAX = 500
DETECTION = "detection"
STRAY = "this belongs to no step: indent it as far as the words of its step, which begin behind `1. ` or `10. `"
_WINDOW = re.compile(r"\s*\((\d{1,5})\s*[-–—]\s*(\d{1,5})\s*(m|min|minutes?|h|hours?)\)\s*\Z", re.IGNORECASE)
_BOLD = re.compile(r"\*\*(.+?)\*\*\s*:?\s*(.*)\Z", re.DOTALL)
_TICK = re.compile(r"\[[ xX]\]\s+")
_BRANCH = re.compile(r"(if\b|otherwise\b)", re.IGNORECASE)


def read_document(text: str, *, name: str = "") -> Document:
    """Read a file. What is wrong with a line is a finding; raises RunbookInvalid where it is no runbook at all."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    check_size(text)
    front = split_front_matter(text)
    outline = read_outline(front.body, lines_before=front.lines)
    sha256 = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    findings = list(front.findings)
    runbooks = [_read_runbook(section, front, sha256, findings) for section in find_runbooks(outline)]
    if not runbooks:
        raise RunbookInvalid(
            1, "there is no runbook in it: no heading `Detection`, no phases, nothing under `Runbooks`"
        )
    if front.fields and len(runbooks) > 1:
        raise RunbookInvalid(runbooks[1].line, "a file with front matter may hold one runbook, and this is the second")
    return Document(name=name, runbooks=tuple(runbooks), findings=tuple(sorted(findings, key=lambda each: each.line)))


def measure_coverage(runbooks: Sequence[Runbook]) -> Coverage:
    """Count how many steps the engine does, gates, or leaves to people."""
    steps = [step for runbook in runbooks for step in runbook.steps()]
    automated = sum(step.is_automated for step in steps)
    manual = sum(step.is_manual for step in steps)
    return Coverage(steps=len(steps), automated=automated, gated=len(steps) - automated - manual, manual=manual)


def find_runbooks(section: Section, *, container: str = "") -> Iterator[Section]:
    """Find the sections that are runbooks.

    Those with a detection or with phases below; and in documents for people those without sections of their own under
    a heading `Runbooks`, and those right below a heading `... Procedures`.
    """
    folded = section.title.lower()
    if any(_is_detection(child) or _WINDOW.search(child.title) for child in section.sections):
        yield section
        return
    if container == "runbooks" and not section.sections and _has_steps(section.blocks):
        yield section
        return
    if container == "procedures" and any(_has_steps(each.blocks) for each in section.walk()):
        yield section
        return
    below = "" if container == "procedures" else container
    if folded.endswith("procedures"):
        below = "procedures"
    elif folded == "runbooks":
        below = "runbooks"
    for child in section.sections:
        yield from find_runbooks(child, container=below)


def _read_runbook(section: Section, front: FrontMatter, sha256: str, findings: list[Finding]) -> Runbook:
    signals: list[Signal] = []
    drills: list[Drill] = []
    phases: list[Phase] = []
    for part in section.walk():
        drills += _read_drills(part.blocks, findings)
    if _has_steps(section.blocks):
        phases.append(_read_phase(section, 1, section.blocks, (), findings))
    for child in section.sections:
        if _is_detection(child):
            for table in child.blocks:
                if isinstance(table, Table) and is_detection(table):
                    signals += read_signals(table, findings)
            continue
        phase = _read_phase(child, len(phases) + 1, child.blocks, child.sections, findings)
        if phase.steps or phase.branches:
            phases.append(phase)
    runbook = Runbook(
        name=front.fields.get("runbook") or _slug(section.title),
        title=section.title,
        line=section.line,
        sha256=sha256,
        service=front.fields.get("service"),
        owner=front.fields.get("owner"),
        review_by=front.review_by,
        on_call=front.fields.get("on_call"),
        lock=front.fields.get("lock"),
        dashboard=front.fields.get("dashboard"),
        signals=tuple(signals),
        phases=tuple(phases),
        drills=tuple(drills),
        has_front_matter=bool(front.fields),
    )
    if sum(1 for _ in runbook.steps()) > STEPS_MAX:
        raise RunbookInvalid(section.line, f"a runbook may have {STEPS_MAX} steps")
    return runbook


def _read_phase(
    section: Section, number: int, blocks: Sequence[Block], below: Sequence[Section], findings: list[Finding]
) -> Phase:
    """Read a phase: its own steps, the branches below it, and what it holds in headings that are no branches."""
    title, starts_s, ends_s = _split_window(section.title)
    steps: list[Step] = []
    branches: list[Branch] = []
    _read_blocks(blocks, str(number), steps, branches, findings)
    for child in below:
        if _BRANCH.match(child.title):
            branches.append(_read_branch(child, f"{number}.{_letter(len(branches))}", findings))
        else:
            _read_blocks(
                [block for part in child.walk() for block in part.blocks], str(number), steps, branches, findings
            )
    return Phase(
        title=title,
        line=section.line,
        starts_s=starts_s,
        ends_s=ends_s,
        steps=tuple(steps),
        branches=tuple(branches),
    )


def _read_branch(section: Section, prefix: str, findings: list[Finding]) -> Branch:
    when = None
    steps: list[Step] = []
    blocks: list[Block] = []
    for block in section.blocks:
        if isinstance(block, Listing) and is_machine(block):
            for item in block.items:
                when = read_when(item, findings) or when
        else:
            blocks.append(block)
    _read_blocks(blocks, prefix, steps, [], findings)
    return Branch(
        title=section.title,
        line=section.line,
        when=when,
        steps=tuple(steps),
        is_otherwise=section.title.lower().startswith("otherwise"),
    )


def _read_blocks(
    blocks: Sequence[Block], prefix: str, steps: list[Step], branches: list[Branch], findings: list[Finding]
) -> None:
    """Read steps, and branches written as numbered items, off the blocks of a section."""
    for block in blocks:
        if isinstance(block, Listing):
            for item in block.items:
                if _is_keyword(item):
                    findings.append(Finding.error("RB001", item.line, STRAY))
                elif (branch := _read_branch_item(item, f"{prefix}.{_letter(len(branches))}")) is not None:
                    branches.append(branch)
                else:
                    steps.append(_read_step(item, f"{prefix}.{len(steps) + 1}", findings))
        elif isinstance(block, Fence) and block.info != "drill":
            for line, title, content in _split_commands(block):
                steps.append(Step(id=f"{prefix}.{len(steps) + 1}", title=title, text=content, line=line))


def _read_branch_item(item: Item, prefix: str) -> Branch | None:
    """Read `1. **If ...**:` over a list of plain bullets as a branch of manual steps."""
    title, _ = _split_title(item.content)
    lists = [block for block in item.blocks if isinstance(block, Listing)]
    if not _BRANCH.match(title) or not lists or any(is_machine(each) for each in lists):
        return None
    bullets = [bullet for each in lists for bullet in each.items]
    steps = tuple(
        Step(id=f"{prefix}.{number}", title=bullet.content, text="", line=bullet.line)
        for number, bullet in enumerate(bullets, start=1)
    )
    is_otherwise = title.lower().startswith("otherwise")
    return Branch(title=title, line=item.line, when=None, steps=steps, is_otherwise=is_otherwise)


def _read_step(item: Item, step_id: str, findings: list[Finding]) -> Step:
    title, text = _split_title(item.content)
    machine = Machine()
    words = [text]
    ramp: list[RampRow] = []
    for block in item.blocks[1:]:
        if isinstance(block, Listing) and is_machine(block):
            read_machine(block, machine, findings)
            words += [each.content for each in block.items if not _is_keyword(each)]
        elif isinstance(block, Listing):
            words += [each.content for each in block.items]
        elif isinstance(block, Table) and is_ramp(block):
            ramp += read_ramp(block, findings)
        elif isinstance(block, Text | Fence):
            words.append(block.content)
    return Step(
        id=step_id,
        title=title,
        text="\n".join(each for each in words if each),
        line=item.line,
        when=machine.when,
        do=tuple(machine.do),
        check=tuple(machine.check),
        undo=tuple(machine.undo),
        ask=machine.ask,
        wait=machine.wait,
        retry=machine.retry,
        every_s=machine.every_s,
        ramp=tuple(ramp),
    )


def _is_keyword(item: Item) -> bool:
    return is_machine(Listing(line=item.line, is_ordered=False, items=[item]))


def _read_drills(blocks: Sequence[Block], findings: list[Finding]) -> Iterator[Drill]:
    for block in blocks:
        if isinstance(block, Fence) and block.info == "drill":
            try:
                yield read_drill(block)
            except DrillInvalid as error:
                findings.append(Finding.error("RB003", error.line, error.reason))


def _split_commands(fence: Fence) -> Iterator[tuple[int, str, str]]:
    """Split a block of commands into steps for a person: each comment begins one; none, and all of it is one."""
    title, began = "", fence.line + 1
    commands: list[str] = []
    for number, line in enumerate(fence.content.splitlines(), start=fence.line + 1):
        if line.startswith("# "):
            if title or any(commands):
                yield began, title or commands[0], "\n".join(commands).strip()
            title, commands, began = line.removeprefix("# ").strip(), [], number
        else:
            commands.append(line.strip())
    if title or any(commands):
        yield began, title or next(each for each in commands if each), "\n".join(commands).strip()


def _has_steps(blocks: Sequence[Block]) -> bool:
    return any(isinstance(each, Listing) or (isinstance(each, Fence) and each.info != "drill") for each in blocks)


def _is_detection(section: Section) -> bool:
    return section.title.lower() == DETECTION


def _split_title(content: str) -> tuple[str, str]:
    """Split what an item says into its bold title, or else its first line, and the rest."""
    content = _TICK.sub("", content, count=1) if _TICK.match(content) else content
    match = _BOLD.match(content)
    if match is not None:
        return match[1].rstrip(":").strip(), match[2].strip(" ,")
    title, _, rest = content.partition("\n")
    return title.strip(), rest.strip()


def _split_window(title: str) -> tuple[str, float | None, float | None]:
    """Split `Title (0–5 minutes)` into the title and its bounds in seconds."""
    match = _WINDOW.search(title)
    if match is None:
        return title, None, None
    unit_s = 3_600.0 if match[3].lower().startswith("h") else 60.0
    return title[: match.start()].strip(), int(match[1]) * unit_s, int(match[2]) * unit_s


def _letter(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else f"z{number}"


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:80] or "runbook"
