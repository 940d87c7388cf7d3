"""Jobs: desired state and revision, status and health, and how a job is brought to its revision on any target."""
