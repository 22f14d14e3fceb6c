"""How a decided write reaches its system, and what becomes of one without an answer."""
