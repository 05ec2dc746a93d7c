"""The internal form of a request: one reader and one writer for each dialect, with `RequestForm` between them.

A reader accepts what clients of its dialect send and refuses only what it cannot understand; a writer makes what a
provider accepts (`RequestTarget`), and reports what it had to leave out. So a further dialect needs one module of each
kind, and a fault exists once.
"""
