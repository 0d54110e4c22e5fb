"""Companies with what is listed of them and which trials they answer for; sponsors that no company was found for."""
