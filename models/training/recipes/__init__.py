"""What can be trained, one straight-line file each: `main(job, folder)`."""
