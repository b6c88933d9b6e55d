"""What holds for three Pods must hold for very many. Marked slow: run with SLOW=1 on the simulated provider.

SCALE_SEED chooses which Pods are looked at one by one, SCALE_NAMES how many (`all` or a number).
"""
