"""Pages for people, made from the domain's records; pure: text out, no input or output."""
