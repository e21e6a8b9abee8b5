"""The plan in motion: steps as plain functions, Prefect flows around them, and the one place that wires the parts."""
