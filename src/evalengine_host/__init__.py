"""What runs inside an agent's process: the standard library and msgpack, nothing of evalengine."""
