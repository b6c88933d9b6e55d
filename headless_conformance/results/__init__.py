"""What a run came to: verdicts, report files, comparisons."""
