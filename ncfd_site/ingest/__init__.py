"""Loading of files: open, read record by record, stage and write in batches, report.

The meaning of the records is in `APP/loading/`.
"""
