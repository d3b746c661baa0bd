"""Where raw text comes from: pinned packages, and a user's own files."""
