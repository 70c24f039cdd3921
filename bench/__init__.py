"""What recording costs, measured beside the same run without it; ``python -m bench`` prints the table."""
