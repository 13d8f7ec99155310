"""What content may use: pseudonymous accounts, one-time codes, the inbox, and the self-service adapter."""
