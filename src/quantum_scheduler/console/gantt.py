"""Draw a schedule as a Gantt chart: text for a terminal, SVG for a page."""

from quantum_scheduler.console.gantt_svg import draw_gantt_svg
from quantum_scheduler.console.gantt_text import draw_gantt_text

__all__ = ["draw_gantt_svg", "draw_gantt_text"]
