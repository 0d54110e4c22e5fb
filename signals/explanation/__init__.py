"""Why a trial stands where it stands: its score step by step, its record as it changed, its study cards."""
