"""The shadow report: what each shadow policy would have done differently, how sure that is, and what follows."""

from pointsman.shadow.rendering.page import CONTENT_SECURITY_POLICY, render_page
from pointsman.shadow.report.builder import build_report
from pointsman.shadow.report.messages import PolicyReport, RegretReport, Report

__all__ = ["CONTENT_SECURITY_POLICY", "PolicyReport", "RegretReport", "Report", "build_report", "render_page"]
