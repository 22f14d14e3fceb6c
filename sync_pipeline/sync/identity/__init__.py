"""Which record is which person: links, their ends, merges and who survives them."""
