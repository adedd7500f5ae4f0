/* A bitmap font for captions: printable ASCII, 5 x 7 points and two rows below the line. */
#ifndef THAW_VISION_FONT_H
#define THAW_VISION_FONT_H

enum { THAW_FONT_FIRST = ' ', THAW_FONT_LAST = '~', THAW_FONT_WIDTH = 5, THAW_FONT_HEIGHT = 9 };

/* Rows from the top; of each row the lowest 5 bits, 16 = leftmost point. */
extern const unsigned char thaw_font[THAW_FONT_LAST - THAW_FONT_FIRST + 1][THAW_FONT_HEIGHT];

#endif
