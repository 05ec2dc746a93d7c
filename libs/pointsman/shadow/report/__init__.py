"""The shadow report: what each shadow policy would have done differently, how certain that is, and a verdict."""
