"""Explanation of a trial: its score step by step, its registry record, its study cards."""
