"""The help: docs as pages, the glossary, keyboard shortcuts, and the tour of a first visit."""
