"""Operations worth their own machine code. Each has a reference in plain torch that it is tested against."""
