"""DAGSTER and nothing but Dagster: assets from declarations, partitions, checks, sensor, schedules.

`assets` turns a run of `mirror.runs` into materialisations, `metadata` says what they show, `checks` judge the mirrors,
`sensors` start a cycle five minutes after the last one ended, `jobs` name the runs and their times, `resources` open
the lake and the connector from settings. What is done to the data is decided elsewhere.
"""
