"""Which records take part: filters of the settings and of the mapping, as SQL."""
