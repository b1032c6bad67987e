"""The subcommands, one file each: options in, a stage called, a report out."""
