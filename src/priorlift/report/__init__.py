"""One self-contained HTML page from any result: readable offline, on a phone and in print."""

from priorlift.report.page import render_page, write_report

__all__ = ["render_page", "write_report"]
