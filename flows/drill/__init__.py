"""Drills: the real steps on a simulated clock, in a house of their own, with providers that reach nobody."""
