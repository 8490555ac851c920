"""What the command line needs: finding a router by its name, reading the TOML file."""
