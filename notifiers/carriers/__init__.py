"""Carriers: kept connections to one provider, driven by one event loop."""
