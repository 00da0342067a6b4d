"""The command line: thin, quick to start, and one voice for everything that goes wrong.

Each command is one file. None of them imports a numerical library before its body runs, so that
`priorlift --help` stays quick.
"""
