"""What the page is made of beside its words: colours, faces, figures as inline SVG."""
