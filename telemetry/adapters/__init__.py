"""What other packages emit, brought into this layer's form through their public interfaces."""
