"""What belongs to the reader: conversations, saved articles, the last visit."""
