"""Training and decoding with fairseq: the only place that knows its command lines and file formats."""
