"""What needs a person, or will pass: pages, health, the command line and alerts show these and nothing of their own."""
