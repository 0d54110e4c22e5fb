"""Generator of live databases: from a seed, a database of unforeseen content, a run, and a fault.

`build.build` makes the database, `attributes.read` and `tests.migration.states.rows` read its content, and
`check.check_seed` states the property: the run reaches head with all of it, or refuses before it writes.
"""
