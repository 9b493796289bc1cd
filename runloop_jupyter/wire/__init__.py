"""What travels: msgspec structs and enums of the published APIs, and how they become bytes."""
