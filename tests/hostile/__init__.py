"""Hostile input: families of cases, a module each, that one table-driven test sends through whole builds and commands.

A module adds cases to a reader by `CASES`, a list of `cases.Case`; to a new source's reader by an entry of `READERS`
beside them; to commands by `COMMANDS`, a list of `commands.Command`. Nothing else has to be told of a new module.
"""
