"""Mail to the owners of jobs where their addresses do not follow from their logins: Alertmanager tells, this looks up and sends."""
