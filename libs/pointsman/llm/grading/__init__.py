"""Grading of answers: an automatic estimate of quality, without a person or another model.

`grader` has the interface that a class of a configuration's ``[scoring]`` implements, `default` the built-in grader.
"""
