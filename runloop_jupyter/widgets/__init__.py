"""What a front end and the kernel say to each other, and the small widgets; knows nothing of stores."""
