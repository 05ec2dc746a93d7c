"""Whose fault a failure is.

============  ==========================================================================
`fault`       `Fault` and `Verdict`: what was at fault, and what the failure closes
`wordings`    the words by which providers' refusals are recognised; the only such table
`judge`       the verdict on a response with an error, or on a connection that failed
============  ==========================================================================
"""
