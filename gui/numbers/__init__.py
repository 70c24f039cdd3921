"""Numbers that are typed or dragged: seeds, leaves, gradients in flight."""
