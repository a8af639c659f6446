"""Where frames come from: cameras, files, folders, tars and streams, each behind `ports.FrameSource`."""
