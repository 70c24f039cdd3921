"""The text beside the picture: a step in words, formulas and Jacobians."""
