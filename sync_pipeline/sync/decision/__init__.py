"""Who is right about each field of each link, and what may be written."""
