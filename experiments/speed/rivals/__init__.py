"""What a user might take instead of this project's learners, written plainly and measured alike."""
