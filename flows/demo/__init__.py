"""The demonstration: the main job on made-up people, through the shipped fakes. Nothing leaves this machine."""
