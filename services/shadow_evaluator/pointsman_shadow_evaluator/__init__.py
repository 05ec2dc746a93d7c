"""The shadow-evaluator: runs policies that do not serve on the log of what was served."""
