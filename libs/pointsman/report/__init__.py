"""The shadow report: what each shadow policy would have done differently, how sure that is, and what follows."""

from pointsman.report.builder import build_report
from pointsman.report.messages import PolicyReport, RegretReport, Report
from pointsman.report.page import CONTENT_SECURITY_POLICY, render_page

__all__ = ["CONTENT_SECURITY_POLICY", "PolicyReport", "RegretReport", "Report", "build_report", "render_page"]
