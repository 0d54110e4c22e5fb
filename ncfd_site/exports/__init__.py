"""Exports of lists as files: short ones streamed, long ones written by a background job."""
