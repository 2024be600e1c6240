"""The door for triggers from a message broker; a client is loaded only where one is configured."""
